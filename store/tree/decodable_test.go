package tree

import (
	"testing"

	"github.com/quorate/quorate/store/txn"
)

// FuzzPreparedTxnsDecode: whatever a request holds, a txn that was prepared from it
// can be decoded again, and does to a replica what it did to the leader's tip. A txn
// that only its maker understands is a log that cannot be opened.
func FuzzPreparedTxnsDecode(f *testing.F) {
	f.Add("/a", []byte("data"), "digest", "user:hash", uint32(31), uint8(1), int64(0), uint8(0), false)
	f.Add("/café", []byte{0xff}, "auth", "", uint32(1), uint8(4), int64(1000), uint8(1), true)
	f.Add("/zookeeper/config", []byte(nil), "ip", "10.0.0.0/8", uint32(16), uint8(3), int64(-1), uint8(2), false)
	f.Add("/zookeeper/quota/a", []byte(nil), "world", "anyone", uint32(31), uint8(9), int64(1)<<40, uint8(3), true)
	f.Fuzz(func(t *testing.T, path string, data []byte, scheme, id string, perms uint32, kind uint8, ttl int64, op uint8, sequential bool) {
		acl := []txn.ACE{{Perms: txn.Perms(perms), Scheme: scheme, ID: id}}
		create := &CreateRequest{Path: path, Data: data, ACL: acl, Kind: txn.Kind(kind), TTL: ttl, Sequential: sequential}
		var req Request = create
		switch op % 4 {
		case 1:
			req = &SetRequest{Path: path, Data: data, Version: AnyVersion}
		case 2:
			req = &SetACLRequest{Path: path, ACL: acl, Version: AnyVersion}
		case 3:
			req = &MultiRequest{Ops: []Request{create, &DeleteRequest{Path: path, Version: AnyVersion}}}
		}
		who := Caller{{Scheme: "digest", ID: id}, {Scheme: "ip", ID: "127.0.0.1"}, Super()[0]}
		tip, replica := New().Edit(), New().Edit()
		prepared, err := tip.Prepare(req, who, Limits{})
		if err != nil {
			return
		}
		x := &txn.Txn{Header: txn.Header{Zxid: txn.MakeZxid(1, 1), Time: 7}, Op: prepared}
		tip.Apply(x)
		x.Digest = tip.Digest()
		again, err := txn.Decode(x.Append(nil))
		if err != nil {
			t.Fatalf("%#v: %v", prepared, err)
		}
		if _, err := replica.ApplyChecked(again); err != nil {
			t.Fatalf("%#v: %v", prepared, err)
		}
	})
}
