package server

import "reflect"

// both returns events that go to first and then to second. E is a struct of
// functions without results, any of which may be nil, and of such structs. A
// function that only one of the two has is taken as it is, without a detour.
func both[E any](first, second E) E {
	var out E
	join(reflect.ValueOf(&out).Elem(), reflect.ValueOf(first), reflect.ValueOf(second))
	return out
}

func join(out, first, second reflect.Value) {
	for i := range out.NumField() {
		o, f, g := out.Field(i), first.Field(i), second.Field(i)
		switch {
		case o.Kind() == reflect.Struct:
			join(o, f, g)
		case f.IsNil():
			o.Set(g)
		case g.IsNil():
			o.Set(f)
		default:
			o.Set(reflect.MakeFunc(f.Type(), func(args []reflect.Value) []reflect.Value {
				f.Call(args)
				return g.Call(args)
			}))
		}
	}
}
