package listing_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/cmd/quorate/internal/listing"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func keeper(t *testing.T, f *clienttest.Fake) apiv1.KeeperClient {
	t.Helper()
	c, err := client.Dial([]string{f.Start(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.Keeper()
}

func TestEachSeesAllPieces(t *testing.T) {
	t.Parallel()
	f := clienttest.New()
	for i := range 250 {
		if _, err := f.Create(t.Context(), &apiv1.CreateRequest{Path: fmt.Sprintf("/%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	k, pieces, names := keeper(t, f), 0, 0
	err := listing.Each(t.Context(), k, &apiv1.ListRequest{Path: "/"}, time.Minute, func(r *apiv1.ListResponse) error {
		pieces, names = pieces+1, names+len(r.GetEntries())
		return nil
	})
	if err != nil || pieces < 2 || names != 251 {
		t.Errorf("%d names in %d pieces, %v", names, pieces, err)
	}
	enough := errors.New("enough")
	err = listing.Each(t.Context(), k, &apiv1.ListRequest{Path: "/"}, time.Minute, func(*apiv1.ListResponse) error { return enough })
	if !errors.Is(err, enough) {
		t.Errorf("got %v, want the callback's error", err)
	}
	if err := listing.Each(t.Context(), k, &apiv1.ListRequest{Path: "/x"}, time.Minute, nil); !errors.Is(err, client.ErrNoNode) {
		t.Errorf("got %v, want ErrNoNode", err)
	}
}

func TestEachBoundsSilence(t *testing.T) {
	t.Parallel()
	f := clienttest.New()
	hold := make(chan struct{})
	f.Hook = func(string, any) error { <-hold; return nil }
	k := keeper(t, f)
	t.Cleanup(func() { close(hold) })
	err := listing.Each(t.Context(), k, &apiv1.ListRequest{Path: "/"}, 50*time.Millisecond, nil)
	if !errors.Is(err, client.ErrTimeout) {
		t.Errorf("got %v, want ErrTimeout", err)
	}
}
