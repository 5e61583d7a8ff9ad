// Package trial runs the tests of the recipes: clients of an ensemble in memory, in simulated time, whose
// connections break and whose sessions expire at random.
package trial
