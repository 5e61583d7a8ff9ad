package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes. As a flag: a number with an optional unit, KiB,
// MiB, GiB (powers of 1024; K, M, G for short) or kB, MB, GB (powers of 1000).
type Size int64

// units are tried in this order, so that "MiB" is not read as "B".
func units() []struct {
	name  string
	bytes float64
} {
	return []struct {
		name  string
		bytes float64
	}{
		{"kib", 1 << 10},
		{"mib", 1 << 20},
		{"gib", 1 << 30},
		{"tib", 1 << 40},
		{"kb", 1e3},
		{"mb", 1e6},
		{"gb", 1e9},
		{"tb", 1e12},
		{"k", 1 << 10},
		{"m", 1 << 20},
		{"g", 1 << 30},
		{"t", 1 << 40},
		{"b", 1},
		{"", 1},
	}
}

// ParseSize reads a size, e.g. 64MiB, 1.5G or 4096. It must not be negative.
func ParseSize(s string) (Size, error) {
	low := strings.ToLower(strings.TrimSpace(s))
	for _, u := range units() {
		digits, ok := strings.CutSuffix(low, u.name)
		if !ok {
			continue
		}
		return parseScaled(s, strings.TrimSpace(digits), u.bytes)
	}
	return 0, badSize(s)
}

func parseScaled(s, digits string, unit float64) (Size, error) {
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil && unit == 1 {
		if n < 0 {
			return 0, badSize(s)
		}
		return Size(n), nil
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(f >= 0 && f*unit < 1<<62) {
		return 0, badSize(s)
	}
	return Size(f * unit), nil
}

func badSize(s string) error {
	return fmt.Errorf("%q is no size: want a number of bytes, or one with a unit, e.g. 64MiB", s)
}

// String returns the size in the greatest unit that divides it, e.g. "64MiB".
func (n Size) String() string {
	for _, u := range []struct {
		name string
		bits int
	}{{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}} {
		if n != 0 && n%(1<<u.bits) == 0 {
			return strconv.FormatInt(int64(n>>u.bits), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(n), 10)
}

// Set reads a size, as a flag does.
func (n *Size) Set(s string) (err error) {
	*n, err = ParseSize(s)
	return err
}

// Type names the form in the help of a flag.
func (n *Size) Type() string { return "size" }
