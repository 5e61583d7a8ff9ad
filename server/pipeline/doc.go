// Package pipeline carries requests: sequence → log → commit → apply.
//
//	Submit ──▶ queue ──▶ sequencer ──▶ peer.Term ──▶ Done ──▶ Submit returns
//	           bounded   prepare on      log, commit,
//	                     the tip, encode apply
//
// There is one sequencer. It takes what is waiting, makes one batch of it and
// proposes that; while the batch is on its way to the disk the next one fills up.
// So batches grow with the load, without a timer.
//
// A request that is refused consumes no zxid and writes nothing. But the refusal
// was found on the tip, which may hold what never commits; so it travels with
// its batch and reaches the caller only when all that it depended on is
// committed and applied here (DESIGN §5, failed requests).
//
// Reads do not come here: they take the published version, without a lock.
package pipeline
