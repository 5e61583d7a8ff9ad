package zaplog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/quorate/quorate/server/zaplog"
)

// open returns a logger and what it has written so far, line by line.
func open(t *testing.T, level string) (*zaplog.Logger, func() []map[string]any) {
	t.Helper()
	var out bytes.Buffer
	l, err := zaplog.New(zaplog.Options{Level: level, Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	return l, func() (lines []map[string]any) {
		for text := range strings.Lines(out.String()) {
			var line map[string]any
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			lines = append(lines, line)
		}
		return lines
	}
}

func TestStartingShowsEverySetting(t *testing.T) {
	l, lines := open(t, "info")
	l.Starting("v1", []zaplog.Setting{{"id", "1"}, {"data-dir", "/d"}})
	got := lines()
	if len(got) != 1 || got[0]["msg"] != "starting" || got[0]["level"] != "info" {
		t.Fatalf("got %v", got)
	}
	if s, ok := got[0]["settings"].(map[string]any); !ok || s["id"] != "1" || s["data-dir"] != "/d" {
		t.Errorf("settings %v", got[0]["settings"])
	}
}

func TestLevelChangesWhileRunning(t *testing.T) {
	l, lines := open(t, "error")
	l.Listening("a", "", "", "")
	if previous, err := l.SetLevel("debug"); err != nil || previous != "error" {
		t.Fatalf("got %q, %v", previous, err)
	}
	l.Listening("b", "", "", "")
	got := lines()
	if len(got) != 2 || got[0]["msg"] != "log level changed" || got[1]["clients"] != "b" {
		t.Errorf("got %v", got)
	}
	for _, bad := range []string{"", "loud", "fatal", "INFO"} {
		if _, err := l.SetLevel(bad); err == nil {
			t.Errorf("level %q was taken", bad)
		}
	}
	if l.Level() != "debug" {
		t.Errorf("level %q after refusals", l.Level())
	}
	if _, err := zaplog.New(zaplog.Options{Level: "loud", Out: &bytes.Buffer{}}); err == nil {
		t.Error("an unknown level was taken")
	}
}

func TestConsole(t *testing.T) {
	var out bytes.Buffer
	l, err := zaplog.New(zaplog.Options{Level: "info", Console: true, Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	l.Stopped(time.Second, errors.New("the disk is gone"))
	if s := out.String(); !strings.Contains(s, "\tERROR\tstopped\t") || !strings.Contains(s, "the disk is gone") {
		t.Errorf("got %q", s)
	}
}

func TestCallsBySeverity(t *testing.T) {
	for _, tc := range []struct {
		name    string
		service string
		typ     interceptors.GRPCType
		err     error
		took    time.Duration
		want    string
	}{
		{"fine", "quorate.api.v1.Keeper", interceptors.Unary, nil, 0, "debug"},
		{"refused", "quorate.api.v1.Keeper", interceptors.Unary, status.Error(codes.NotFound, "x"), 0, "debug"},
		{"slow", "quorate.api.v1.Keeper", interceptors.Unary, nil, time.Second, "warn"},
		{"slow reader of a stream", "quorate.api.v1.Keeper", interceptors.ServerStream, nil, time.Hour, "debug"},
		{"our fault", "quorate.api.v1.Keeper", interceptors.Unary, status.Error(codes.Internal, "x"), 0, "error"},
		{"our fault, slow", "quorate.api.v1.Keeper", interceptors.Unary, status.Error(codes.DataLoss, "x"), time.Hour, "error"},
		{"health", "grpc.health.v1.Health", interceptors.Unary, status.Error(codes.Internal, "x"), time.Hour, "debug"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, lines := open(t, "debug")
			r, _ := l.Calls(time.Second)(t.Context(), interceptors.CallMeta{Service: tc.service, Method: "M", Typ: tc.typ, ReqOrNil: "payload"})
			r.PostMsgReceive("payload", nil, 0)
			r.PostCall(tc.err, tc.took)
			got := lines()
			if len(got) != 1 || got[0]["level"] != tc.want || got[0]["method"] != tc.service+"/M" {
				t.Fatalf("got %v, want one line at %s", got, tc.want)
			}
			for field, value := range got[0] {
				if value == "payload" {
					t.Errorf("the payload is logged as %s", field)
				}
			}
		})
	}
}

func TestCallsThatAreNotLoggedCostLittle(t *testing.T) {
	l, _ := open(t, "info")
	ctx, calls := context.Background(), l.Calls(time.Second)
	n := testing.AllocsPerRun(100, func() {
		r, _ := calls(ctx, interceptors.CallMeta{Service: "s", Method: "m"})
		r.PostCall(nil, 0)
	})
	if n > 1 {
		t.Errorf("%v allocations a call, want 1: the reporter", n)
	}
}

func TestRepeatedLinesAreSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // each second has lines of its own
		l, lines := open(t, "info")
		for range 1000 {
			l.ConnectionRefused("r", 1)
		}
		if n := len(lines()); n < 100 || n > 300 {
			t.Errorf("%d lines of 1000 were written", n)
		}
	})
}
