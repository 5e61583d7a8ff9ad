package traffic

// The operations that clients may ask for, as numbered on the wire.
const (
	opCreate        = 1
	opDelete        = 2
	opSetData       = 5
	opSetACL        = 7
	opPing          = 11
	opMulti         = 14
	opTTL           = 21
	opCreateSession = -10
	opCloseSession  = -11
)

// names are the operations as ZooKeeper's `cons` abbreviates them (Request.op2String).
var names = map[int32]string{
	0: "NOTI", opCreate: "CREA", opDelete: "DELE", 3: "EXIS", 4: "GETD", opSetData: "SETD", 6: "GETA", opSetACL: "SETA",
	8: "GETC", 9: "SYNC", opPing: "PING", 12: "GETC", 13: "CHEC", opMulti: "MULT", 15: "CREA", 16: "RECO", 17: "CHKW", 18: "REMW",
	19: "CREA", 20: "DELE", opTTL: "CREA", 22: "MLTR", 100: "AUTH", 101: "SETW", 102: "SASL", 103: "GETE", 104: "GETACN",
	105: "STW2", 106: "ADDW", 107: "WHOA", opCreateSession: "SESS", opCloseSession: "CLOS",
}

// Ops returns the numbers of all operations that there are, with ZooKeeper's names for their metrics: op_count_<name>.
func Ops() map[string][]int32 {
	return map[string][]int32{
		"add_watch": {106}, "check_watches": {17}, "close_session": {opCloseSession}, "create": {opCreate, 15, 19, opTTL},
		"create_session": {opCreateSession}, "delete": {opDelete, 20}, "exists": {3}, "get_acl": {6}, "get_all_children_number": {104},
		"get_children": {8, 12}, "get_data": {4}, "get_ephemerals": {103}, "multi": {opMulti}, "multi_read": {22}, "ping": {opPing},
		"reconfig": {16}, "remove_watches": {18}, "set_acl": {opSetACL}, "set_data": {opSetData}, "set_watches": {101, 105}, "sync": {9},
		"who_am_i": {107},
	}
}

// Name returns an operation's short name; "UNKN" for one that there is not.
func Name(op int32) string {
	if n, ok := names[op]; ok {
		return n
	}
	return "UNKN"
}

// known tells whether there is an operation: whether names has it, without the cost of a look there.
func known(op int32) bool {
	return op >= 0 && op <= 22 && op != 10 || op >= 100 && op <= 107 || op == opCreateSession || op == opCloseSession
}

// changes tells whether an operation changes the tree or the sessions.
func changes(op int32) bool {
	switch op {
	case opCreate, opDelete, opSetData, opSetACL, opMulti, 15, 16, 19, 20, opTTL, opCreateSession, opCloseSession:
		return true
	}
	return false
}
