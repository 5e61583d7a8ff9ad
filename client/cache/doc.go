// Package cache keeps a subtree in memory, always as it was at one zxid.
//
// # What it guarantees
//
// A [View] is the subtree at one version of the tree, whole: of a Multi it shows all or nothing. Views only grow newer. A change that was acknowledged to anybody is in the view
// as soon as the server has told of it; to have it for certain, wait for its zxid ([Cache.Wait]).
//
// # What it does not
//
// A view may be behind the ensemble, by as much as the contact was lost: [View.Zxid] says of which version it is. Nodes that the client may not read are not in it.
//
// # When contact is lost
//
// The last view stays, and the cache goes on where it was as soon as a server answers. If the servers no longer know what
// happened meanwhile, it begins anew; the view stays until the new one is complete. It needs no session.
package cache
