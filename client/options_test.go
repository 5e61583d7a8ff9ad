package client_test

import (
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
)

// What an option asks for is what the node, and the list, then have.
func TestKindsAndStats(t *testing.T) {
	t.Parallel()
	c := dial(t, []string{clienttest.New().Start(t)})
	if _, err := c.Create(limited(t), "/short", []byte("x"), client.TTL(time.Minute)); err != nil {
		t.Fatal(err)
	}
	n, err := c.Get(limited(t), "/short")
	if err != nil || n.Stat.TTL != time.Minute {
		t.Errorf("%+v, %v", n.Stat, err)
	}
	seen := false
	for e, err := range c.List(limited(t), "/", client.WithStats()) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Name == "short" {
			seen = e.Stat == n.Stat
		}
	}
	if !seen {
		t.Error("the list does not have the node's Stat")
	}
}
