package acl

import (
	"fmt"
	"strings"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// letters name the permissions, the least bit first.
const letters = "rwcda"

// Parse reads a list. An empty text is an empty list.
func Parse(text string) ([]*apiv1.Ace, error) {
	if text == "" {
		return nil, nil
	}
	var list []*apiv1.Ace
	for _, entry := range strings.Split(text, ",") {
		ace, err := parseEntry(strings.TrimSpace(entry))
		if err != nil {
			return nil, err
		}
		list = append(list, ace)
	}
	return list, nil
}

func parseEntry(entry string) (*apiv1.Ace, error) {
	first, last := strings.Index(entry, ":"), strings.LastIndex(entry, ":")
	if first <= 0 || first == last {
		return nil, fmt.Errorf("access control entry %q: want scheme:id:perms, such as world:anyone:r", entry)
	}
	ace := &apiv1.Ace{Scheme: entry[:first], Id: entry[first+1 : last]}
	for _, letter := range entry[last+1:] {
		bit := strings.IndexRune(letters, letter)
		if bit < 0 {
			return nil, fmt.Errorf("access control entry %q: permission %q is none of r, w, c, d, a", entry, letter)
		}
		ace.Perms |= 1 << bit
	}
	if ace.GetPerms() == 0 {
		return nil, fmt.Errorf("access control entry %q: no permission given: want some of r, w, c, d, a", entry)
	}
	return ace, nil
}

// Format writes an entry as Parse reads it.
func Format(ace *apiv1.Ace) string { return ace.GetScheme() + ":" + ace.GetId() + ":" + Perms(ace) }

// Perms returns the letters of an entry's permissions.
func Perms(ace *apiv1.Ace) string {
	var s strings.Builder
	for bit := range len(letters) {
		if ace.GetPerms()&(1<<bit) != 0 {
			s.WriteByte(letters[bit])
		}
	}
	return s.String()
}
