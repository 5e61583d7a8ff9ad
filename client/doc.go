// Package client speaks to a Quorate ensemble.
//
// # Clients
//
// [Dial] takes the addresses of one or more servers. The [Client] asks the first
// of them and stays with it, so that a program reads its own writes; when that
// server cannot be reached, or says that it has no leader, the next one is asked.
// A write is sent a second time only when it is certain that the first attempt
// changed nothing: it never left this machine, or the server said so. Otherwise
// the caller gets [ErrUnknownOutcome] and decides.
//
//	c, err := client.Dial([]string{"a:2181", "b:2181", "c:2181"})
//	node, err := c.Create(ctx, "/config", []byte("blue"))
//	node, err = c.Get(ctx, "/config")
//	stat, err := c.Set(ctx, "/config", []byte("green"), client.IfVersion(node.Stat.Version))
//	for entry, err := range c.List(ctx, "/", client.Recursive()) { … }
//	for event, err := range c.Watch(ctx, "/config", client.Recursive(), client.WithData()) { … }
//
// The calls are those of [Tree]. [Client.Keeper] and [Client.Admin] are the generated stubs of
// proto/quorate/api/v1 and proto/quorate/admin/v1, for what it does not have.
//
// # Sessions
//
// Ephemeral nodes live as long as a [Session], which a program opens and closes:
//
//	s, err := c.OpenSession(ctx, client.SessionTimeout(5*time.Second))
//	defer s.Close(context.Background())
//	me, err := s.Create(ctx, "/members/m-", nil, client.Ephemeral(), client.Sequential())
//
// Its calls are those of [Tree] too, carried out in the order in which they are made, however many goroutines make them;
// [Session.Start] makes one without waiting for the answer. When contact is lost the session is [Suspended]: it is taken up
// again, on another server if need be, and calls wait. The outcome of a write whose answer was lost is found out, so
// that ErrUnknownOutcome is rare: it remains for a write behind which a later one of the same session took effect, and for one without
// an answer when the session expires. [Session.States] tells how the session is.
//
// # Watches
//
// A watch of a session ([Session.Watch], [Session.GetW], [Session.ExistsW], [Session.ChildrenW]) tells of changes before
// any answer of the session that shows them. [Client.Watch] needs no session: it is a snapshot of a subtree and then all that happens
// to it. Both go on over breaks without a gap and without a repetition, or end with [ErrCompacted].
//
// # Errors
//
// The errors of calls are of type [*Error] and answer to errors.Is with the sentinels of this package, such as
// [ErrNoNode]; they still are gRPC statuses for those who want them. Deadlines are the caller's: every call ends when its context does.
//
// # Recipes
//
// Packages below this one build on sessions and watches: lock, election, semaphore, barrier, queue, counter, group and cache.
//
// # Goroutines
//
// Everything here is safe for use by several goroutines. A Client starts none of its own (gRPC
// keeps its connections in the background until [Client.Close]), a Session two.
package client
