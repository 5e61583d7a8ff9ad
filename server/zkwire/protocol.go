package zkwire

import (
	"fmt"

	"github.com/quorate/quorate/store/fault"
)

// opcode is the type of a request (ZooKeeper: ZooDefs.OpCode).
type opcode int32

// The types of requests. Those below zero and 13 stand in no request of their own.
const (
	opCreate              opcode = 1
	opDelete              opcode = 2
	opExists              opcode = 3
	opGetData             opcode = 4
	opSetData             opcode = 5
	opGetACL              opcode = 6
	opSetACL              opcode = 7
	opGetChildren         opcode = 8
	opSync                opcode = 9
	opPing                opcode = 11
	opGetChildren2        opcode = 12
	opCheck               opcode = 13
	opMulti               opcode = 14
	opCreate2             opcode = 15
	opReconfig            opcode = 16
	opCheckWatches        opcode = 17
	opRemoveWatches       opcode = 18
	opCreateContainer     opcode = 19
	opDeleteContainer     opcode = 20
	opCreateTTL           opcode = 21
	opMultiRead           opcode = 22
	opAuth                opcode = 100
	opSetWatches          opcode = 101
	opSASL                opcode = 102
	opGetEphemerals       opcode = 103
	opAllChildrenNumber   opcode = 104
	opSetWatches2         opcode = 105
	opAddWatch            opcode = 106
	opWhoAmI              opcode = 107
	opCloseSession        opcode = -11
	opError               opcode = -1 // in the results of a multi
	xidEvent              int32  = -1
	xidPing               int32  = -2
	xidAuth               int32  = -4
	stateSyncConnected    int32  = 3
	passwordSize                 = 16
	connectRequestSize           = 4 + 8 + 4 + 8 + 4 + passwordSize // without the flag that old clients do not send
	flagEphemeral                = 1
	flagSequential               = 2
	flagContainer                = 4
	flagTTL                      = 5
	flagSequentialWithTTL        = 6
)

// errorCode is what a reply says of a request (ZooKeeper: KeeperException.Code).
type errorCode int32

// The codes that a client may be told.
const (
	codeOK                      errorCode = 0
	codeSystemError             errorCode = -1
	codeRuntimeInconsistency    errorCode = -2
	codeMarshallingError        errorCode = -5
	codeUnimplemented           errorCode = -6
	codeBadArguments            errorCode = -8
	codeNoNode                  errorCode = -101
	codeNoAuth                  errorCode = -102
	codeBadVersion              errorCode = -103
	codeNoChildrenForEphemerals errorCode = -108
	codeNodeExists              errorCode = -110
	codeNotEmpty                errorCode = -111
	codeSessionExpired          errorCode = -112
	codeInvalidACL              errorCode = -114
	codeAuthFailed              errorCode = -115
	codeSessionMoved            errorCode = -118
	codeNotReadOnly             errorCode = -119
	codeNoWatcher               errorCode = -121
	codeReconfigDisabled        errorCode = -123
	codeQuotaExceeded           errorCode = -125
	codeThrottledOp             errorCode = -127
)

// Error returns the number.
func (c errorCode) Error() string { return fmt.Sprintf("error %d", int32(c)) }

// codeOf maps an error to its code: this is the one table from the reasons of [fault] to ZooKeeper's numbers.
func codeOf(err error) errorCode {
	if err == nil {
		return codeOK
	}
	if c, ok := err.(errorCode); ok { //nolint:errorlint // never wrapped
		return c
	}
	switch fault.Of(err) {
	case fault.NoNode, fault.NoParent:
		return codeNoNode
	case fault.NodeExists:
		return codeNodeExists
	case fault.NotEmpty:
		return codeNotEmpty
	case fault.BadVersion:
		return codeBadVersion
	case fault.EphemeralParent:
		return codeNoChildrenForEphemerals
	case fault.QuotaExceeded:
		return codeQuotaExceeded
	case fault.NoAuth:
		return codeNoAuth
	case fault.InvalidACL:
		return codeInvalidACL
	case fault.InvalidPath, fault.BadArguments, fault.TooLarge:
		return codeBadArguments
	case fault.NoSession:
		return codeSessionExpired
	case fault.SessionMoved:
		return codeSessionMoved
	case fault.NoWatch:
		return codeNoWatcher
	case fault.ReadOnly:
		return codeNotReadOnly
	case fault.AuthFailed:
		return codeAuthFailed
	case fault.Overloaded:
		return codeThrottledOp
	}
	return codeSystemError
}
