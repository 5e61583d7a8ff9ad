package outcome

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/quorate/quorate/client"
)

// Explain returns what the user reads about err: what is wrong, and on a second line
// what to do next where that is known. It is empty for a silent error.
func Explain(err error) string {
	if err == nil || errors.Is(err, errSilent) {
		return ""
	}
	text := Text(err)
	if hint := advice(err); hint != "" {
		text += "\n  " + hint
	}
	return text
}

// Text returns what is wrong, without advice: the error's text, with what gRPC says of a server that could not be reached put more plainly.
func Text(err error) string {
	text := err.Error()
	var e *client.Error
	if !errors.As(err, &e) {
		return text
	}
	switch {
	case e.Reason == "" && errors.Is(e, client.ErrUnavailable):
		return strings.Replace(text, e.Message, "no server answered at "+e.Server+because(e.Message), 1)
	case errors.Is(e, client.ErrTimeout):
		return strings.Replace(text, e.Message, cmp.Or(e.Server, "the ensemble")+" did not answer in time", 1)
	}
	return text
}

// because extracts the reason from gRPC's message, the operating system's or that of TLS:
// `connection error: desc = "transport: Error while dialing: dial tcp 1.2.3.4:5: connect: connection refused"`.
func because(message string) string {
	if strings.Contains(message, "first record does not look like a TLS handshake") {
		return " (it does not speak TLS)"
	}
	if _, hungUp, ok := strings.Cut(message, "error reading server preface: "); ok && (strings.HasPrefix(hungUp, "EOF") || strings.Contains(hungUp, "connection reset")) {
		return " (it hung up: perhaps it wants TLS)"
	}
	_, reason, ok := strings.Cut(message, "Error while dialing: ")
	if !ok {
		_, reason, ok = strings.Cut(message, "authentication handshake failed: ")
	}
	if !ok {
		return ""
	}
	reason = strings.TrimSuffix(reason, `"`)
	if i := strings.LastIndex(reason, "connect: "); i >= 0 {
		reason = reason[i+len("connect: "):]
	}
	return " (" + reason + ")"
}

// hint is a piece of advice for an error.
type hint struct {
	err  error
	text string
}

func hints() []hint {
	return []hint{
		{client.ErrBadAddress, "give --server host:port, several separated by commas"},
		{client.ErrUnknownOutcome, "it may have been done or not: look (`quorate stat PATH`) before trying again"},
		{client.ErrTimeout, "a change may have been made or not; see `quorate status`, or allow more with --timeout"},
		{client.ErrNoParent, "create the parents first, or with --parents"},
		{client.ErrNoNode, "`quorate ls` lists what there is"},
		{client.ErrNodeExists, "`quorate set` changes it, `quorate create --sequential` makes a new name"},
		{client.ErrNotEmpty, "`quorate delete -r` deletes it with all below"},
		{client.ErrBadVersion, "somebody else changed it: read it again (`quorate get --stat PATH`) and decide anew"},
		{client.ErrNoAuth, "present an identity with --auth scheme:credentials; `quorate acl get PATH` tells who may"},
		{client.ErrTooLarge, "the server bounds a value (1 MiB unless set otherwise): split it, or store where it is"},
		{client.ErrInvalidPath, "a path is like /app/config: it starts with /, has no . or .. and no control characters"},
		{client.ErrInvalidACL, "an access control list is like world:anyone:r,digest:user:HASH:rwcda"},
		{client.ErrQuotaExceeded, "delete something under it, or raise the quota"},
		{client.ErrCompacted, "the servers have forgotten what came right after that: watch without --after, from a snapshot"},
		{client.ErrSessionExpired, "its ephemeral nodes are gone, and locks with them; --session-timeout allows for longer breaks"},
		{client.ErrNoSpace, "free some space on the server: reads go on, writes resume by themselves"},
	}
}

func advice(err error) string {
	for _, h := range hints() {
		if errors.Is(err, h.err) {
			return h.text
		}
	}
	return adviceToRetry(err)
}

func adviceToRetry(err error) string {
	var e *client.Error
	switch {
	case !errors.As(err, &e):
		return ""
	case e.RetryAfter > 0:
		return "try again in " + e.RetryAfter.Round(time.Millisecond).String()
	case errors.Is(err, client.ErrUnavailable) && e.Reason == "":
		return "is `quorate serve` running there? --server (or QUORATE_SERVER) names another"
	case errors.Is(err, client.ErrUnavailable):
		return "see `quorate status`; the ensemble may be electing a leader: try again"
	case errors.Is(err, client.ErrOverloaded):
		return "try again in a moment"
	}
	return ""
}
