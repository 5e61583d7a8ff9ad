// Package zoocfg reads ZooKeeper's own configuration: zoo.cfg, the dynamic configuration it may name, and myid.
//
// Every key that ZooKeeper 3.4 to 3.10 knows is a row of one table, which says what becomes of it here: settings, nothing because it has no
// counterpart (said once, with the reason), or a refusal, for what must not be passed over in silence. What the file
// does not say is as ZooKeeper has it where clients would notice: tick, session timeouts, connections of one address, four-letter words,
// nodes with a TTL, read-only mode.
package zoocfg
