// Package doctor says in plain sentences what is wrong with an ensemble: why it has no
// leader, who is late, whose disk does not count. It judges by what servers answer to
// Status, one of them or all; it asks nobody itself.
package doctor
