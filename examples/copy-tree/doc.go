// Command copy-tree copies a tree from a ZooKeeper to a Quorate that run, or the other way: both speak the same protocol.
//
//	copy-tree [-auth user:password] [-compare] FROM TO
//
// FROM and TO are connect strings as ZooKeeper's clients have them: host:port,host:port/path. Each node's data and ACL are
// copied; a node that is there is overwritten, and none is deleted. Ephemeral nodes are left out, for they belong to sessions, and so is
// /zookeeper, which belongs to the servers. Nobody should write meanwhile. With -compare nothing is written; it says what differs, and its exit code is 1 then.
package main
