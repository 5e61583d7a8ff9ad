package tree

import (
	"fmt"
	"strings"

	"github.com/quorate/quorate/store/txn"
)

// configText returns the content of /zookeeper/config in ZooKeeper's form, which its clients and tools parse: one line for each member
// that others can reach, as
//
//	server.1=host:port:0:participant
//
// and the zxid of the change as version=<hexadecimal>, without a newline, last. ZooKeeper has a second port for elections, which its clients
// in Java want to be another one; there is none here. An IPv6 address keeps its brackets.
func configText(z txn.Zxid, m *txn.Membership) []byte {
	var b []byte
	for _, member := range m.Members {
		if !strings.Contains(member.Address, ":") {
			continue // a server on its own
		}
		role := "participant"
		if member.Role == txn.Observer {
			role = "observer"
		}
		b = fmt.Appendf(b, "server.%d=%s:0:%s\n", member.ID, member.Address, role)
	}
	return fmt.Appendf(b, "version=%x", uint64(z))
}
