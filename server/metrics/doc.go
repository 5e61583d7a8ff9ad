// Package metrics counts: a Prometheus registry of a server's own, filled by
// listeners on typed events and by looking at the server when it is scraped.
//
// Where ZooKeeper has a counterpart the name is ZooKeeper's, and so is the unit
// (times in milliseconds), so that dashboards go on working; what is ours alone
// begins with quorate_ and keeps to Prometheus' conventions (seconds, bytes,
// _total). gRPC's own are grpc_server_…, the process's go_… and process_….
package metrics
