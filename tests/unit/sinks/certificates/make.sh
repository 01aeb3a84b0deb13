#!/bin/sh
# Makes the certificates of the tests anew. They are committed, so that the tests need
# no openssl; they guard nothing but connections of a test to itself.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

cat > "$work/ca.conf" <<CONF
[ca]
default_ca = one
[one]
database = $work/index
new_certs_dir = $work
default_md = sha256
rand_serial = yes
unique_subject = no
policy = any
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
CONF
: > "$work/index"

request() { # name, more...
  name=$1 && shift
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -batch \
    -config "$work/ca.conf" -subj "/CN=$name of the tests" \
    -keyout "$work/$name.key" -out "$work/$name.csr" "$@" 2> "$work/log"
}

sign() { # name, end, more...
  name=$1 end=$2 && shift 2
  openssl ca -batch -notext -config "$work/ca.conf" -in "$work/$name.csr" \
    -startdate 20200101000000Z -enddate "$end" \
    -keyfile "$work/ca.key" -out "$work/$name.crt" "$@" 2> "$work/log"
}

issue() { # name, alternative names, end
  request "$1" -addext "subjectAltName=$2"
  sign "$1" "$3" -cert ca.pem -extensions leaf
  cat "$work/$1.crt" "$work/$1.key" > "$1.pem"
}

request ca
sign ca 21200101000000Z -selfsign -extensions authority
cp "$work/ca.crt" ca.pem
issue server "IP:127.0.0.1,DNS:localhost" 21200101000000Z
issue elsewhere "DNS:elsewhere.invalid" 21200101000000Z
issue expired "IP:127.0.0.1,DNS:localhost" 20200102000000Z
issue client "DNS:client.invalid" 21200101000000Z
openssl pkcs8 -topk8 -in "$work/client.key" -passout pass:password \
  -out "$work/locked.key"
cat "$work/client.crt" "$work/locked.key" > locked.pem
