package api

import (
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/server/watch"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// optionsOf returns how new the answer to a read must be.
func optionsOf(call *apiv1.SessionCall) *apiv1.ReadOptions {
	switch op := call.GetOp().(type) {
	case *apiv1.SessionCall_Exists:
		return op.Exists.GetOptions()
	case *apiv1.SessionCall_Get:
		return op.Get.GetOptions()
	case *apiv1.SessionCall_List:
		return op.List.GetOptions()
	case *apiv1.SessionCall_GetAcl:
		return op.GetAcl.GetOptions()
	case *apiv1.SessionCall_MultiRead:
		return op.MultiRead.GetOptions()
	case *apiv1.SessionCall_GetEphemerals:
		return op.GetEphemerals.GetOptions()
	case *apiv1.SessionCall_CountDescendants:
		return op.CountDescendants.GetOptions()
	}
	return nil
}

// read answers a call that the leader has no part in. Nothing is ahead of it.
func (c *conversation) read(call *apiv1.SessionCall) {
	a := &apiv1.SessionAnswer{Cxid: call.GetCxid()}
	var err error
	switch op := call.GetOp().(type) {
	case *apiv1.SessionCall_List:
		err = c.list(call, op.List)
		if err == nil {
			return // answered, in pieces
		}
	case *apiv1.SessionCall_AddWatch:
		err = c.addWatch(call, op.AddWatch)
		if err == nil {
			return // answered, behind what has happened since
		}
	case *apiv1.SessionCall_RemoveWatch:
		err = c.removeWatch(op.RemoveWatch)
		a.Result = &apiv1.SessionAnswer_RemoveWatch{RemoveWatch: &apiv1.RemoveWatchResponse{}}
	case *apiv1.SessionCall_Authenticate:
		err = c.authenticate(op.Authenticate)
		a.Result = &apiv1.SessionAnswer_Authenticate{Authenticate: &apiv1.AuthenticateResponse{}}
	default:
		err = c.readTree(call, a)
		defer c.unhold()
	}
	if err != nil {
		c.refuse(call, err)
		return
	}
	c.answer(a)
}

// readTree answers what the tree knows into a.
func (c *conversation) readTree(call *apiv1.SessionCall, a *apiv1.SessionAnswer) error {
	switch op := call.GetOp().(type) {
	case *apiv1.SessionCall_Exists:
		res, err := c.view(op.Exists.GetWatch(), op.Exists.GetPath(), watch.Exists).exists(op.Exists)
		a.Result = &apiv1.SessionAnswer_Exists{Exists: res}
		return err
	case *apiv1.SessionCall_Get:
		res, err := c.view(op.Get.GetWatch(), op.Get.GetPath(), watch.Data).get(op.Get)
		a.Result = &apiv1.SessionAnswer_Get{Get: res}
		return err
	case *apiv1.SessionCall_GetAcl:
		res, err := c.now().getACL(op.GetAcl)
		a.Result = &apiv1.SessionAnswer_GetAcl{GetAcl: res}
		return err
	case *apiv1.SessionCall_MultiRead:
		res, err := c.now().multiRead(op.MultiRead)
		a.Result = &apiv1.SessionAnswer_MultiRead{MultiRead: res}
		return err
	case *apiv1.SessionCall_GetEphemerals:
		a.Result = &apiv1.SessionAnswer_GetEphemerals{GetEphemerals: c.now().ephemerals(c.id, op.GetEphemerals)}
		return nil
	case *apiv1.SessionCall_CountDescendants:
		res, err := c.now().count(op.CountDescendants)
		a.Result = &apiv1.SessionAnswer_CountDescendants{CountDescendants: res}
		return err
	case *apiv1.SessionCall_WhoAmI:
		a.Result = &apiv1.SessionAnswer_WhoAmI{WhoAmI: identitiesOf(*c.caller.Load())}
		return nil
	case *apiv1.SessionCall_Sync:
		a.Result = &apiv1.SessionAnswer_Sync{Sync: &apiv1.SyncResponse{Zxid: uint64(c.now().Zxid())}}
		return nil
	}
	return fault.New(fault.BadArguments, "", "request %d asks for nothing that this server knows", call.GetCxid())
}

// now is the version to read for a request that leaves no watch: see view.
func (c *conversation) now() view { return c.view(false, "", 0) }

// view is the version to read, for a request that may leave a watch: one that is told of all that comes after this version.
// Events are held back from here on until unhold, so that they come after the answer. As in ZooKeeper only an exists leaves
// a watch where there is nothing, and a read that is refused leaves none. A stream that never had a watch hears of
// nothing, and reads without a lock.
func (c *conversation) view(watched bool, path string, m watch.Mode) view {
	v := view{caller: *c.caller.Load()}
	if c.watching = c.watching || watched; !c.watching {
		v.Version = c.keeper.pipeline.Version()
		return v
	}
	c.watcher.Read(func(version *tree.Version, add func(string, watch.Mode)) {
		v.Version = version
		c.hold()
		if !watched {
			return
		}
		n, found, err := v.find(path)
		if err != nil || found && !v.may(n, txn.MayRead) || !found && m != watch.Exists {
			return
		}
		add(path, m)
	})
	return v
}

// hold keeps events back.
func (c *conversation) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.holds = true
}

// unhold lets the events go that were kept back.
func (c *conversation) unhold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.out = append(c.mu.out, c.mu.held...)
	c.mu.held, c.mu.holds = nil, false
}

// list answers with a node's children, or all below it, piece by piece: each is sent before the next is made.
func (c *conversation) list(call *apiv1.SessionCall, r *apiv1.ListRequest) error {
	if r.GetWatch() && r.GetRecursive() {
		return fault.New(fault.BadArguments, r.GetPath(), "a recursive list leaves no watch: use add_watch")
	}
	if err := viewOfList(r); err != nil {
		return err
	}
	v := c.view(r.GetWatch(), r.GetPath(), watch.Children)
	defer c.unhold()
	root, err := v.readable(r.GetPath())
	if err != nil {
		return err
	}
	var last *apiv1.SessionAnswer
	l := lister{view: v, root: root, want: r.GetView()}
	err = l.send(c.ctx, l.nodes(r.GetRecursive()), func(piece *apiv1.ListResponse) error {
		if last != nil {
			last.More = true
			c.answer(last)
			if c.full() {
				if err := c.flush(); err != nil {
					return err
				}
			}
		}
		last = &apiv1.SessionAnswer{Cxid: call.GetCxid(), Result: &apiv1.SessionAnswer_List{List: piece}}
		return nil
	})
	if err != nil {
		return err
	}
	c.answer(last)
	return nil
}

// addWatch leaves a watch; the answer comes behind the events that the client has missed.
func (c *conversation) addWatch(call *apiv1.SessionCall, r *apiv1.AddWatchRequest) error {
	m, err := modeIn(r.GetMode())
	if err != nil || m == 0 {
		return fault.New(fault.BadArguments, r.GetPath(), "a watch needs a mode")
	}
	c.watching = true
	return c.watcher.Add(r.GetPath(), m, txn.Zxid(r.GetAfterZxid()), func(at txn.Zxid) {
		c.answer(&apiv1.SessionAnswer{Cxid: call.GetCxid(), Result: &apiv1.SessionAnswer_AddWatch{AddWatch: &apiv1.AddWatchResponse{Zxid: uint64(at)}}})
	})
}

func (c *conversation) removeWatch(r *apiv1.RemoveWatchRequest) error {
	m, err := modeIn(r.GetMode())
	if err != nil {
		return err
	}
	if m == 0 {
		m = watch.AnyMode
	}
	if !c.watcher.Remove(r.GetPath(), m) {
		return fault.New(fault.NoWatch, r.GetPath(), "this session has no such watch")
	}
	return nil
}

// modeIn translates a mode; 0 for one that is not given.
func modeIn(m apiv1.WatchMode) (watch.Mode, error) {
	switch m {
	case apiv1.WatchMode_WATCH_MODE_UNSPECIFIED:
		return 0, nil
	case apiv1.WatchMode_WATCH_MODE_DATA:
		return watch.Data, nil
	case apiv1.WatchMode_WATCH_MODE_EXISTS:
		return watch.Exists, nil
	case apiv1.WatchMode_WATCH_MODE_CHILDREN:
		return watch.Children, nil
	case apiv1.WatchMode_WATCH_MODE_PERSISTENT:
		return watch.Persistent, nil
	case apiv1.WatchMode_WATCH_MODE_PERSISTENT_RECURSIVE:
		return watch.PersistentRecursive, nil
	}
	return 0, fault.New(fault.BadArguments, "", "%d is no mode of a watch", m)
}

// authenticate adds an identity to the caller's.
func (c *conversation) authenticate(r *apiv1.AuthenticateRequest) error {
	old := *c.caller.Load()
	if len(old) >= identity.Max {
		return fault.New(fault.AuthFailed, "", "the session has %d identities, which is the most", identity.Max)
	}
	ids, err := c.keeper.auth.named(r.GetScheme(), string(r.GetCredentials()))
	if err != nil {
		return fault.New(fault.AuthFailed, "", "the credentials prove nothing: want scheme digest and user:password")
	}
	caller := append(old[:len(old):len(old)], ids...)
	c.caller.Store(&caller)
	return nil
}
