package zoocfg_test

import (
	"strings"
	"testing"
)

// An address without a port is refused, as by ZooKeeper, also when this server's line has a port: clients would be served on all addresses.
func TestAddressWithoutPortIsRefused(t *testing.T) {
	const text = "dataDir=/d\nclientPortAddress=127.0.0.1\nserver.1=a:1:2;2181\nserver.2=b:1:2;2181\nserver.3=c:1:2;2181\n"
	r, err := read(disk{"zoo.cfg": text, "/d/myid": "1"}, "zoo.cfg", nil)
	if err == nil || !strings.Contains(err.Error(), "it needs a clientPort") {
		t.Errorf("clients are served on %s: %v", r.Config.ClientAddr, err)
	}
}
