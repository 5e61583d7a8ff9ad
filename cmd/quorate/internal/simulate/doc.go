// Package simulate does random runs of ensembles in simulated time and tells what became of each.
package simulate
