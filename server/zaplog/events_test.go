package zaplog_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/quorate/quorate/server/zaplog"
	"github.com/quorate/quorate/store/wal"
)

// call calls every function of a struct of events with zero arguments and
// returns the names of those that nobody listens to.
func call(events reflect.Value) (deaf []string) {
	for i := range events.NumField() {
		f, name := events.Field(i), events.Type().Field(i).Name
		switch {
		case f.Kind() == reflect.Struct:
			deaf = append(deaf, call(f)...)
		case f.IsNil():
			deaf = append(deaf, name)
		default:
			args := make([]reflect.Value, f.Type().NumIn())
			for j := range args {
				args[j] = reflect.Zero(f.Type().In(j))
			}
			f.Call(args)
		}
	}
	return deaf
}

// TestEveryEventIsLogged: an event that is added and forgotten here would be
// lost without a trace.
func TestEveryEventIsLogged(t *testing.T) {
	for _, tc := range []struct {
		name   string
		events func(*zaplog.Logger) any
		deaf   []string // left to the metrics
	}{
		{"store", func(l *zaplog.Logger) any { return l.Store() }, nil},
		{"pipeline", func(l *zaplog.Logger) any { return l.Pipeline() }, []string{"Proposed", "Applied", "Forwarded"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, lines := open(t, "debug")
			events := reflect.ValueOf(tc.events(l))
			if deaf := call(events); !slices.Equal(deaf, tc.deaf) {
				t.Errorf("nobody listens to %q, want %q", deaf, tc.deaf)
			}
			for _, line := range lines() {
				if line["msg"] == "" || line["logger"] == nil {
					t.Errorf("got %v", line)
				}
			}
		})
	}
}

func TestSlowDisksAreLogged(t *testing.T) {
	l, lines := open(t, "warn")
	synced := l.Store().Log.Synced
	synced(wal.Synced{Took: time.Millisecond})
	synced(wal.Synced{Took: 2 * time.Second, Records: 3})
	if got := lines(); len(got) != 1 || got[0]["level"] != "warn" || got[0]["records"] != 3.0 {
		t.Errorf("got %v", got)
	}
}
