// Package sweep deletes many nodes: bottom-up, in batches, and not put off by
// others who delete or create at the same time.
package sweep
