package loopback_test

import (
	"net"
	"strconv"
	"testing"

	"github.com/quorate/quorate/internal/loopback"
)

// TestAddressIsGivenOnce: nobody else is given an address that is reserved, and a server can have it.
func TestAddressIsGivenOnce(t *testing.T) {
	addr, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := loopback.Reserve(port); err == nil {
		t.Errorf("%s is given twice", again)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatalf("its owner cannot have it: %v", err)
	}
	defer l.Close()
	if again, err := loopback.Reserve(port); err == nil {
		t.Errorf("%s is given while somebody has it", again)
	}
}
