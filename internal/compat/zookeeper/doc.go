// Package zookeeper runs Apache ZooKeeper as Debian packages it (zookeeper, 3.8, with a Java runtime): what
// our own servers are compared with. The servers are processes on loopback.
package zookeeper
