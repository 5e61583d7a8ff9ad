package zaplog_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/server/eventtest"
	"github.com/quorate/quorate/server/tracker"
	"github.com/quorate/quorate/store/txn"
)

// TestEveryEventBetweenServersHasALine, with all that the event knows, and none has the
// line that stands for what nobody thought of.
func TestEveryEventBetweenServersHasALine(t *testing.T) {
	for _, e := range eventtest.All() {
		l, lines := open(t, "debug")
		l.Peer()(e)
		got := lines()
		if len(got) != 1 || got[0]["logger"] != "peer" || got[0]["msg"] == "" || got[0]["msg"] == e.String() {
			t.Errorf("%T: logged as %v, want a line of its own", e, got)
			continue
		}
		if fields := reflect.TypeOf(e).NumField(); len(got[0]) < 4+fields {
			t.Errorf("%T: logged as %v, and the event has %d fields", e, got[0], fields)
		}
		for name, value := range got[0] {
			if s, ok := value.(string); ok && strings.Contains(s, "%!") {
				t.Errorf("%T: %s is %q", e, name, s)
			}
		}
	}
}

// unheard is an event of a later release.
type unheard struct{}

func (unheard) String() string { return "something new" }

// TestNewEventsAreNotLost though they have no line yet.
func TestNewEventsAreNotLost(t *testing.T) {
	l, lines := open(t, "info")
	l.Peer()(unheard{})
	if got := lines(); len(got) != 1 || got[0]["msg"] != "something new" {
		t.Errorf("logged as %v", got)
	}
}

// TestConversation shows the last messages when a stream has ended.
func TestConversation(t *testing.T) {
	l, lines := open(t, "info")
	l.Conversation(tracker.Conversation{Server: 3, Leading: true, Total: 90, Messages: []tracker.Message{
		{At: time.Unix(61, 2e6), Step: "Ack", Zxid: txn.MakeZxid(1, 5)}, {At: time.Unix(61, 3e6), Sent: true, Step: "Ping", Number: 4},
	}}, errors.New("the cause"))
	got := lines()
	if len(got) != 1 || got[0]["server"] != 3.0 || got[0]["messages"] != 90.0 || got[0]["cause"] != "the cause" {
		t.Fatalf("logged as %v", got)
	}
	if last := fmt.Sprint(got[0]["last"]); last != "[01.002 < Ack 1.5 01.003 > Ping #4]" {
		t.Errorf("the last messages are %s", last)
	}
}
