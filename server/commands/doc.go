// Package commands answers ZooKeeper's HTTP commands (its AdminServer): one table, in table.go, says which there are and what each tells;
// what is told comes from server/facts. Fields have ZooKeeper's names.
//
// Whatever only tells, or forgets counts, is answered to everybody, as in ZooKeeper: the address is loopback unless one says otherwise. The
// others want the header `Authorization: digest user:password` of somebody who has all permissions on "/".
package commands
