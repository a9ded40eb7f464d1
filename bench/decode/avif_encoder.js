// @ts-self-types="../../models/image/codec_wasm.d.ts"
// JavaScript for the same reason as models/tfjs_wasm.js.
import source binary from "npm:@jsquash/avif@2.1.1/codec/enc/avif_enc.wasm";

export default binary;
