// Package line is what the recipes share: a line of ephemeral sequential nodes under one node, each waiting for one before it.
//
// A [Place] is found again when the answer to its creation was lost, by a number of its own in its name, so that no nameless node is left
// that everybody waits for. Each place watches one other alone, so that who leaves wakes one and not all.
package line
