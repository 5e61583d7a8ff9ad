package outcome

import (
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/quorate/quorate/client"
)

// Who did not answer is named, also when no server was reached at all.
func TestTimeouts(t *testing.T) {
	for server, want := range map[string]string{
		"10.0.0.1:2181": "10.0.0.1:2181 did not answer in time", "": "the ensemble did not answer in time",
	} {
		err := &client.Error{Code: codes.DeadlineExceeded, Message: "context deadline exceeded", Server: server}
		if got := Text(err); got != want {
			t.Errorf("%q: %q, want %q", server, got, want)
		}
	}
}
