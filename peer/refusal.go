package peer

import (
	"errors"
	"time"

	"github.com/quorate/quorate/store/fault"
)

// retryAfter is what a client is told to wait while there is no leader: about as
// long as it takes to get one, or to look whether there is room on the disk.
const retryAfter = 100 * time.Millisecond

// Refusal turns the reason for having no leader into what a client is told: its
// request was not carried out and can be sent again.
func Refusal(reason error) *fault.Error {
	var known *fault.Error
	if errors.As(reason, &known) && known.Kind == fault.NoSpace {
		refusal := *known
		refusal.RetryAfter = retryAfter
		return &refusal
	}
	return &fault.Error{Kind: fault.Unavailable, Detail: "this server has no leader", Cause: reason, RetryAfter: retryAfter}
}
