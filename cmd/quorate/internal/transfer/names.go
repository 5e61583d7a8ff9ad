package transfer

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// illegalName says why a file's name cannot be a node's; empty if it can. The server decides anyway;
// asking here saves a whole subtree's worth of refusals, and a name that is not UTF-8 cannot even be sent.
func illegalName(name string) string {
	if !utf8.ValidString(name) {
		return "its name is not UTF-8"
	}
	for _, r := range name {
		if control(r) || 0xd800 <= r && r <= 0xf8ff || 0xfff0 <= r && r <= 0xffff {
			return fmt.Sprintf("its name holds the character %U, which a path may not", r)
		}
	}
	return ""
}

func control(r rune) bool { return r <= 0x1f || 0x7f <= r && r <= 0x9f }

// illegalFile says why a node cannot be a file at its relative path; empty if it can.
func illegalFile(rel string) string {
	switch {
	case !filepath.IsLocal(filepath.FromSlash(rel)) || strings.Contains(rel, "//") || strings.HasSuffix(rel, "/"):
		return "its path would lead out of the directory"
	case rel == tempDir || strings.HasPrefix(rel, tempDir+"/"):
		return "the name " + tempDir + " is used for half-written files"
	}
	for _, name := range strings.Split(rel, "/") {
		switch {
		case name == DataFile:
			return "the name " + DataFile + " is used for the data of nodes with children"
		case name == "." || name == "..":
			return "its path would lead out of the directory"
		case strings.ContainsRune(name, 0) || filepath.Separator != '/' && strings.ContainsRune(name, filepath.Separator):
			return "no file can have its name"
		}
	}
	return ""
}
