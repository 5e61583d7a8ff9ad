package version

import (
	"runtime/debug"
	"testing"
)

func TestChoose(t *testing.T) {
	info := func(module string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: module}, Settings: settings}
	}
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123"}
	modified := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	for _, c := range []struct {
		name, stamp string
		info        *debug.BuildInfo
		want        string
	}{
		{"the stamp goes before all", "v1.2.3", info("v9.9.9", revision), "v1.2.3"},
		{"go install", "", info("v1.0.0", revision), "v1.0.0"},
		{"go build in a checkout", "", info("(devel)", revision), "0123456789ab"},
		{"go build in a changed checkout", "", info("", revision, modified), "0123456789ab-dirty"},
		{"go run", "", info("(devel)"), Unknown},
		{"a revision too short to cut", "", info("", debug.BuildSetting{Key: "vcs.revision", Value: "0123"}), Unknown},
		{"no build information", "", nil, Unknown},
	} {
		if got := choose(c.stamp, c.info); got != c.want {
			t.Errorf("%s: choose = %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNeverEmpty(t *testing.T) {
	if String() == "" || Go() == "" {
		t.Fatalf("String = %q, Go = %q: want neither empty", String(), Go())
	}
}
