package parents_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/parents"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path, have, asked string
	}{
		{"/a", "", ""},
		{"/a/b", "", "/a"},
		{"/a/b/c/d", "", "/a/b/c /a/b /a /a/b /a/b/c"},
		{"/a/b/c/d", "/a", "/a/b/c /a/b /a/b/c"},
		{"/a/b/c/d", "/a /a/b /a/b/c", "/a/b/c"},
		{"/a/b/", "/a", "/a/b"},
	} {
		have, asked := strings.Fields(c.have), []string{}
		err := parents.Create(t.Context(), c.path, func(_ context.Context, r *apiv1.CreateRequest) error {
			p := r.GetPath()
			asked = append(asked, p)
			switch up := p[:strings.LastIndexByte(p, '/')]; {
			case slices.Contains(have, p):
				return client.ErrNodeExists
			case up != "" && !slices.Contains(have, up):
				return client.ErrNoParent
			}
			have = append(have, p)
			return nil
		})
		if got := strings.Join(asked, " "); err != nil || got != c.asked {
			t.Errorf("%s with %q: asked for %q, %v; want %q", c.path, c.have, got, err, c.asked)
		}
		for _, p := range parents.Of(c.path) {
			if !slices.Contains(have, p) {
				t.Errorf("%s: %s is missing", c.path, p)
			}
		}
	}
}
