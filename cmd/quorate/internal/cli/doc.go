// Package cli holds what the client verbs have in common: the terminal they run
// on, the flags that say which server and how to print, and the connection.
package cli
