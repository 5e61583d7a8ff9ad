package tree

import (
	"strings"
	"unicode/utf8"

	"github.com/quorate/quorate/store/fault"
)

// The nodes that every tree has and that no request creates or deletes.
const (
	rootPath   = "/"
	systemPath = "/zookeeper"
	configPath = "/zookeeper/config"
	quotaPath  = "/zookeeper/quota"
)

// ValidatePath returns nil if p may name a node, else a *fault.Error of kind
// InvalidPath whose detail names what is wrong and where. The rules are ZooKeeper's:
// absolute, no slash at the end, no empty name, no "." and "..", no control
// characters, no surrogates, private use (U+E000 to U+F8FF) or specials (U+FFF0 to U+FFFF).
func ValidatePath(p string) error {
	if p == rootPath {
		return nil
	}
	switch {
	case p == "":
		return fault.New(fault.InvalidPath, p, "the path is empty")
	case p[0] != '/':
		return fault.New(fault.InvalidPath, p, "a path starts with a slash")
	case p[len(p)-1] == '/':
		return fault.New(fault.InvalidPath, p, "a path does not end with a slash")
	}
	start := 1
	for i := 1; i <= len(p); {
		if i == len(p) || p[i] == '/' {
			if err := validateName(p, start, i); err != nil {
				return err
			}
			i++
			start = i
			continue
		}
		if c := p[i]; c >= 0x20 && c < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(p[i:])
		if forbidden(r) {
			return fault.New(fault.InvalidPath, p, "character %U at byte %d is not allowed in a path", r, i)
		}
		i += size
	}
	return nil
}

// validateName checks the name that is p[start:end].
func validateName(p string, start, end int) error {
	switch name := p[start:end]; name {
	case "":
		return fault.New(fault.InvalidPath, p, "empty name at byte %d", start)
	case ".", "..":
		return fault.New(fault.InvalidPath, p, "the name %q at byte %d: relative paths are not allowed", name, start)
	}
	return nil
}

// forbidden tells whether r may not stand in a path. Bytes that are not UTF-8 come
// as U+FFFD and are among them.
func forbidden(r rune) bool {
	return r <= 0x1f || 0x7f <= r && r <= 0x9f || 0xd800 <= r && r <= 0xf8ff || 0xfff0 <= r && r <= 0xffff
}

// Parent returns the path of p's parent, "/" for the root's children and for the root.
func Parent(p string) string {
	if i := strings.LastIndexByte(p, '/'); i > 0 {
		return p[:i]
	}
	return rootPath
}

// within tells whether p is top or below it.
func within(top, p string) bool {
	return top == rootPath || strings.HasPrefix(p, top) && (len(p) == len(top) || p[len(top)] == '/')
}

// reserved tells whether p is a node that requests neither create nor delete:
// the root, and all of /zookeeper but what is below /zookeeper/quota.
func reserved(p string) bool {
	return p == rootPath || within(systemPath, p) && (!within(quotaPath, p) || p == quotaPath)
}
