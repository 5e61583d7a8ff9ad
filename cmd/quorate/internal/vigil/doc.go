// Package vigil keeps the watches of an interactive shell: what they tell is printed as it comes.
package vigil
