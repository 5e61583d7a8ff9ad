// Package acl reads and writes access control lists as text: scheme:id:perms,
// several separated by commas.
//
// The perms are letters: r READ, w WRITE, c CREATE, d DELETE, a ADMIN. The scheme ends at the first colon and the perms
// begin at the last, so an id may hold colons, as "digest:ann:HASH:rw" does; it may not hold commas.
package acl
