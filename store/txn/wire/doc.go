// Package wire reads the fields of a protobuf message one by one, without
// reflection and without copying. It is stricter than protobuf asks for: a known
// field of the wrong wire type, a number beyond its field's range and a group are
// errors. Fields that the caller does not know are skipped.
//
// The package is pure: no clock, no disk, no network, no locks, no randomness.
package wire
