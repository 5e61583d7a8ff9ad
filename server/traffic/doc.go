// Package traffic counts what ZooKeeper's clients send and are answered: of each connection and of the server (ZooKeeper: ServerStats and
// the statistics of ServerCnxn). Four-letter words, the HTTP commands and the metrics tell of it.
package traffic
