package tree

import "github.com/quorate/quorate/store/txn"

// AnyVersion as the version of a request means: whatever it is.
const AnyVersion int32 = -1

// Request is a change that a client asks for: one of the …Request types below.
type Request interface{ isRequest() }

// CreateRequest asks for a new node under an existing parent.
type CreateRequest struct {
	// Path is absolute. If Sequential, it is a prefix to which ten digits are added,
	// and may then end with a slash.
	Path string
	// Data is the content; nil (null) and empty are told apart.
	Data []byte
	// ACL must not be empty; [OpenACL] lets everybody do everything.
	ACL []txn.ACE
	// Kind says how long the node lives; 0 is [txn.Persistent].
	Kind txn.Kind
	// Sequential adds the number of children ever created under the parent to the path.
	Sequential bool
	// TTL is the time to live in milliseconds, 1 to [txn.MaxTTL], for Kind TTL and only for it.
	TTL int64
	// Owner is the open session that owns an ephemeral node; 0 for any other.
	Owner txn.SessionID
}

// DeleteRequest asks for the deletion of a node without children.
type DeleteRequest struct {
	Path string
	// Version is the expected version, or [AnyVersion].
	Version int32
}

// SetRequest asks for new data.
type SetRequest struct {
	Path string
	// Data is the content; nil (null) and empty are told apart.
	Data []byte
	// Version is the expected version, or [AnyVersion].
	Version int32
}

// SetACLRequest asks for another access control list.
type SetACLRequest struct {
	Path string
	// ACL must not be empty.
	ACL []txn.ACE
	// Version is the expected aversion, or [AnyVersion].
	Version int32
}

// CheckRequest asks that a node exist at a version. It changes nothing: on its own
// it becomes an empty Multi.
type CheckRequest struct {
	Path string
	// Version is the expected version, or [AnyVersion].
	Version int32
}

// MultiRequest asks for several changes, all or nothing: of the requests above, each
// of which sees what those before it did.
type MultiRequest struct{ Ops []Request }

// CreateSessionRequest asks for a new session.
type CreateSessionRequest struct{ txn.CreateSession }

// CloseSessionRequest asks for the end of a session and of its ephemeral nodes.
type CloseSessionRequest struct{ txn.CloseSession }

// AttachRequest asks whether a session is open, for somebody who shows its secret. It changes nothing and leaves no
// txn: the operation that Prepare returns for it is nil.
type AttachRequest struct {
	Session txn.SessionID
	// TokenHash is the SHA-256 of what was shown; what does not fit is answered as if there were no session.
	TokenHash []byte
}

// SweepRequest asks for the deletion of a node that goes by itself, if it may go: see [Version.Sweepable]. No permission
// is needed. It is the leader's own request.
type SweepRequest struct {
	Path string
	// Now and NeverUsed are those of [Version.Sweepable].
	Now, NeverUsed int64
}

// MembershipRequest asks for another membership.
type MembershipRequest struct{ txn.Membership }

func (*CreateRequest) isRequest()        {}
func (*DeleteRequest) isRequest()        {}
func (*SetRequest) isRequest()           {}
func (*SetACLRequest) isRequest()        {}
func (*CheckRequest) isRequest()         {}
func (*MultiRequest) isRequest()         {}
func (*CreateSessionRequest) isRequest() {}
func (*CloseSessionRequest) isRequest()  {}
func (*AttachRequest) isRequest()        {}
func (*SweepRequest) isRequest()         {}
func (*MembershipRequest) isRequest()    {}

// DefaultMaxData is the greatest size of a node's data unless [Limits] says otherwise: 1 MiB.
const DefaultMaxData = 1 << 20

// Limits are a server's bounds on what is asked for.
type Limits struct {
	// MaxData is the greatest size of a node's data in bytes; 0 is [DefaultMaxData].
	MaxData int
	// MaxRecord is the greatest size in bytes of a txn's encoded operation, header
	// not included; 0 is no bound.
	MaxRecord int
	// EnforceQuota refuses what goes beyond a hard quota.
	EnforceQuota bool
}

func (l Limits) maxData() int {
	if l.MaxData == 0 {
		return DefaultMaxData
	}
	return l.MaxData
}
