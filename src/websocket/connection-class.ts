/** Sockets with the injected names of their route: a class per route that has some, made once at start. */
import { type Dependencies, defineGetters } from "../injection/dependency.ts";
import { Connection } from "./connection.ts";

export function connectionClassOf(dependencies: Dependencies): typeof Connection {
  if (dependencies.size === 0) return Connection;
  class InjectedConnection extends Connection {}
  defineGetters<Connection>(InjectedConnection.prototype, dependencies, Connection.contextOf);
  return InjectedConnection;
}
