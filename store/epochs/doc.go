// Package epochs keeps a server's promises: the epoch it has accepted, from
// whom, and the epoch whose history it holds.
//
// They stand in a file of two 512-byte slots, written in turn. A change is one
// write in place and one fdatasync, since it is on the failover path three times,
// and it needs no space: the file has its full size from the beginning.
// The slots lie 4096 bytes apart, so that writing one touches neither the sector
// nor the page of the other.
//
// What can go wrong, and what [Open] makes of it: a write torn at any one place leaves a whole
// copy of the old or the new record in its slot, and the newer whole record of the file is
// taken. A slot without any whole copy is damage, and is refused: the promise
// that stood there may have been the newer one, and a server that forgets a
// promise votes twice.
package epochs
