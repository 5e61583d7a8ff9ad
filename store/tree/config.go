package tree

import (
	"fmt"

	"github.com/quorate/quorate/store/txn"
)

// configText returns the content of /zookeeper/config: one line for each member as
//
//	server.1=host:port:voter;storage=0123456789abcdef
//
// and the zxid of the change as version=<hexadecimal>, without a newline, last.
func configText(z txn.Zxid, m *txn.Membership) []byte {
	var b []byte
	for _, member := range m.Members {
		role := "voter"
		if member.Role == txn.Observer {
			role = "observer"
		}
		b = fmt.Appendf(b, "server.%d=%s:%s;storage=%v\n", member.ID, member.Address, role, member.Storage)
	}
	return fmt.Appendf(b, "version=%x", uint64(z))
}
