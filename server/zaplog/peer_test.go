package zaplog_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/quorate/quorate/server/eventtest"
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
