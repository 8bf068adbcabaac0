/** A core module, compiled by the bundler or the runtime. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
