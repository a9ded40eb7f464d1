// @ts-self-types="./codec_wasm.d.ts"
// JavaScript for the same reason as models/tfjs_wasm.js.
import source binary from "npm:libheif-js@1.23.2/libheif-wasm/libheif.wasm";

export default binary;
