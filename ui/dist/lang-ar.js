var o={};export{o as ar};
