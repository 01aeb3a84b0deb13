// Command receiver takes single CloudEvents by HTTP with the SDK for Go, and tells by
// GET what it took: a receiver that is not ours, as Knative's are written.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

// ledger keeps what was taken, in order.
type ledger struct {
	mutex sync.Mutex
	taken []event.Event
}

func (l *ledger) take(answer http.ResponseWriter, request *http.Request) {
	taken, err := cehttp.NewEventFromHTTPRequest(request)
	if err == nil {
		err = taken.Validate()
	}
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.taken = append(l.taken, *taken)
	answer.WriteHeader(http.StatusAccepted)
}

func (l *ledger) tell(answer http.ResponseWriter) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if err := json.NewEncoder(answer).Encode(l.taken); err != nil {
		http.Error(answer, err.Error(), http.StatusInternalServerError)
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	one := &ledger{taken: []event.Event{}}
	err = http.Serve(listener, http.HandlerFunc(
		func(answer http.ResponseWriter, request *http.Request) {
			if request.Method == http.MethodGet {
				one.tell(answer)
				return
			}
			one.take(answer, request)
		}))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
