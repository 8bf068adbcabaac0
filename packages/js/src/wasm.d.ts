/** A core module, compiled by whatever bundles or runs the program. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
