package version

import (
	"runtime"
	"runtime/debug"
	"time"
)

// Unknown is the version of a build that nothing is known about: made by `go run`
// or `go test`, or outside a git checkout.
const Unknown = "devel"

// stamped is set by the linker alone: -X github.com/quorate/quorate/internal/version.stamped=v1.2.3.
var stamped string

// String returns the version: the stamp of `make build`, such as "v1.2.3" or
// "v1.2.3-4-g0123abc-dirty"; else the module version that `go install` recorded;
// else the first twelve digits of the commit; else [Unknown]. It is never empty.
func String() string {
	info, _ := debug.ReadBuildInfo()
	return choose(stamped, info)
}

// Go returns the version of Go that built the program, such as "go1.26.8".
func Go() string { return runtime.Version() }

// choose picks the most telling version there is; info may be nil.
func choose(stamp string, info *debug.BuildInfo) string {
	if stamp != "" {
		return stamp
	}
	if info == nil {
		return Unknown
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	if r := setting(info, "vcs.revision"); len(r) >= 12 {
		if setting(info, "vcs.modified") == "true" {
			return r[:12] + "-dirty"
		}
		return r[:12]
	}
	return Unknown
}

// setting returns one of the settings the Go command recorded, "" if it did not.
func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// Time returns when the commit was made that the program was built from; the zero time if nothing is known about it.
func Time() time.Time {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return time.Time{}
	}
	t, _ := time.Parse(time.RFC3339, setting(info, "vcs.time"))
	return t
}
