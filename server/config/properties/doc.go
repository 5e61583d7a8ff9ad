// Package properties reads the format of Java's property files (java.util.Properties.load), in which ZooKeeper's
// configuration is written: natural and logical lines, comments with # and !, keys ended by =, : or blanks, and escapes.
//
// Two things differ: an entry knows its line, and the text is UTF-8 (Java 8 takes it for Latin-1, where what is not ASCII
// comes out garbled).
package properties
