// Package parents creates the nodes above a path.
package parents
